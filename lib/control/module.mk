SRCS := loop.c server.c request.c call.c audit.c audit_line.c audit_verify.c
DEPS := base json runtime
KIND := posix
