# Header-only: the messages of the document protocol as plain structures, and the codec's contract.
SRCS :=
DEPS := base
KIND := pure
