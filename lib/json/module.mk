SRCS := json_read.c cbor_read.c json_names.c json_string.c json_number.c json_write.c
DEPS := base
KIND := pure
