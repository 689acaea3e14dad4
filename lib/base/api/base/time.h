/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/time.h - units of time. There is no clock here: every time comes from the caller.
 *
 * Units:   nanoseconds in uint64_t, from an arbitrary but fixed origin; AEF_TIME_NEVER = no
 * deadline. Context: anywhere.
 */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdint.h>

#define AEF_NS_PER_US 1000ull
#define AEF_NS_PER_MS 1000000ull
#define AEF_NS_PER_S  1000000000ull

#define AEF_TIME_NEVER UINT64_MAX

#endif
