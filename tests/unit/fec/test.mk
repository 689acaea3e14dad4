DEPS := fec
LIBS := -lisal
