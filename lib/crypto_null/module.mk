# Null provider: right shapes, no protection. A release build refuses to link null_provider.o.
SRCS := null_provider.c
DEPS := base crypto
KIND := pure
