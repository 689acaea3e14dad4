DEPS := base json text
SRCS := fixture.c ../../text-soak/soak_gen.c ../../text-soak/soak_pair.c ../../text-soak/soak_session.c ../../text-soak/trace.c
