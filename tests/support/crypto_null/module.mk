# Null provider: right shapes, no protection. For tests only; scripts/check-release refuses it.
SRCS := null_provider.c
DEPS := base crypto
KIND := pure
