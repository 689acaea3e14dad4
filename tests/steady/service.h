/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * service.h - a service that sinks one channel and echoes the other, by reference.
 */
#ifndef TESTS_STEADY_SERVICE_H
#define TESTS_STEADY_SERVICE_H

#include <service/service.h>

#define STEADY_SINK 1u
#define STEADY_ECHO 2u

extern const struct service_ops steady_service;

#endif
