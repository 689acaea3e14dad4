# Packet protection, handshake values and connect tokens: the only module that calls ipsec-mb and OpenSSL.
SRCS := mem.c scrub.c random.c hash.c dh.c aead.c cache.c selftest.c ring.c ring_file.c ring_dir.c reset_key.c provider.c token.c
DEPS := base crypto
KIND := posix
PKGS := libcrypto
LIBS := -lIPSec_MB
