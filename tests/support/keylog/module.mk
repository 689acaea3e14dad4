# Hears of every secret of a provider, and writes a key log; for tests only, scripts/check-release refuses it.
# A program that names it in DEPS has its providers wrapped.
SRCS := keylog.c tap.c
DEPS := base crypto protect
KIND := posix
LIBS := -Wl,--wrap=protect_provider
