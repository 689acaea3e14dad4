DEPS := protect
PKGS := libcrypto
# The test looks at what is unmapped: it must be zeros by then.
LIBS := -Wl,--wrap=munmap
