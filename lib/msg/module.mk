# Every protobuf-c call of the program.
SRCS := arena.c doc_decode.c doc_encode.c
DEPS := base docmsg
KIND := posix
PKGS := libprotobuf-c
PROTOS := statesync.proto
