# Packet protection, handshake values and connect tokens: the only module that calls ipsec-mb and OpenSSL.
SRCS :=
DEPS := base crypto
KIND := posix
