# frame.c belongs to a program, so the test includes it.
DEPS := base
FLAGS := -Iapp/aether-link
