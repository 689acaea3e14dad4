# Header-only contract between a service and the log of committed operations.
SRCS :=
DEPS := base
KIND := pure
