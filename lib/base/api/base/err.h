/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/err.h - the one error enumeration of the program.
 *
 * Source:  STYLE C5: 0 or a count on success, one negative value on failure.
 * Context: anywhere.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum aef_err {
	AEF_OK = 0,
	AEF_ERR_INVALID = -1,      /* an argument is outside its documented range */
	AEF_ERR_MALFORMED = -2,    /* bytes of a peer or a file break their format */
	AEF_ERR_FULL = -3,         /* a bounded table, queue or pool has no room */
	AEF_ERR_NOMEM = -4,        /* memory could not be had at start */
	AEF_ERR_STATE = -5,        /* the call does not fit the object's state */
	AEF_ERR_RANGE = -6,        /* a number or position is outside its object */
	AEF_ERR_AGAIN = -7,        /* nothing to do now; try later */
	AEF_ERR_NOTFOUND = -8,     /* no such object */
	AEF_ERR_EXISTS = -9,       /* the object exists already */
	AEF_ERR_AUTH = -10,        /* a tag, token or cookie does not verify */
	AEF_ERR_VERSION = -11,     /* a version this build does not speak */
	AEF_ERR_LIMIT = -12,       /* a stated limit of the protocol or configuration */
	AEF_ERR_CLOSED = -13,      /* the connection or object is closed */
	AEF_ERR_IO = -14,          /* a device, file or socket failed */
	AEF_ERR_CONFIG = -15,      /* the configuration is wrong */
	AEF_ERR_UNSUPPORTED = -16, /* this build or device cannot do it */
	AEF_ERR_GAP = -17,         /* a sequence has a hole before this element */
	AEF_ERR_TIMEOUT = -18,     /* the time allowed has passed */
	AEF_ERR_DUPLICATE = -19,   /* seen before; the first one stands */
	AEF_ERR_PROTOCOL = -20,    /* a peer with valid keys broke a rule of the spec */
	AEF_ERR_DENIED = -21,      /* authenticated, but not allowed */
};

/** One word for @p err, static storage; "unknown" for a value not in the enumeration. */
const char *aef_err_name(int err);

/** A short English phrase for @p err that fits after "because", static storage. */
const char *aef_err_text(int err);

#endif
