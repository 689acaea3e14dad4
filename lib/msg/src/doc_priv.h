/* SPDX-License-Identifier: BSD-3-Clause */
/* doc_priv.h - the two halves of the document codec. */
#ifndef MSG_DOC_PRIV_H
#define MSG_DOC_PRIV_H

#include <msg/doc.h>

/** docmsg_codec.decode */
int msg_doc_decode(struct docmsg_arena *arena, bool from_client, const uint8_t *data, size_t len,
                   const struct docmsg **ret_msgs);

/** docmsg_codec.encode */
int64_t msg_doc_encode(const struct docmsg *msg, uint8_t *buf, size_t cap_bytes);

#endif
