DEPS := protect
PKGS := libcrypto
LIBS := -lIPSec_MB
