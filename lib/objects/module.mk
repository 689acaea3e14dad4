# State of whiteboards, canvases, sheets and metadata: registers keyed by stable ids.
SRCS := frac.c registers.c patch.c diff.c tree.c objects.c begin.c place.c
DEPS := base json
KIND := pure
