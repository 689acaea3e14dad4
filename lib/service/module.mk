# Header-only contract between a worker lcore and the service that runs on it.
SRCS :=
DEPS := base
KIND := pure
