# Every protobuf-c call of the program.
SRCS :=
DEPS := base docmsg
KIND := posix
PKGS := libprotobuf-c
PROTOS := statesync.proto
