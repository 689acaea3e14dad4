# Reed-Solomon repair symbols over ISA-L; the only module that may include isa-l.h.
SRCS := codec.c encoder.c decoder.c
DEPS := base
KIND := pure
LIBS := -lisal
