/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * msg/doc.h - protobuf codec of the document protocol (proto/statesync.proto).
 *
 * Source:  Protocol Buffers encoding, proto3; the library is protobuf-c with an allocator over the
 *          caller's arena, so decoding takes no heap memory and its size is bounded.
 * Context: anywhere, one thread per arena.
 */
#ifndef MSG_DOC_H
#define MSG_DOC_H

#include <docmsg/docmsg.h>

/** Codec for statesync and docclient; both functions as docmsg/docmsg.h says. */
extern const struct docmsg_codec msg_doc_codec;

#endif
