# SPDX-License-Identifier: BSD-3-Clause
# Modules that each fuzz target links: FUZZ_<name> for tests/fuzz/<name>_fuzz.c. Without a line here a
# target links the module that its name begins with (wire_frames: wire). FUZZ_<name>_SRCS, _PKGS, _LIBS
# and _FLAGS are optional. The longest input is FUZZ_MAX_LEN (4096) bytes, an environment variable; options of
# libFuzzer for one target stand in tests/fuzz/<name>.options.
FUZZ_cbor     := json
FUZZ_control  := control json
FUZZ_control_FLAGS := -Ilib/control/src
FUZZ_datagram := quantum crypto_null
FUZZ_quantum  := quantum crypto_null
FUZZ_quantum_datagram := quantum crypto_null
FUZZ_frames   := wire
FUZZ_frames_SRCS := tests/unit/wire/describe.c
FUZZ_quantum_conn := quantum crypto_null
FUZZ_quantum_conn_SRCS := tests/fuzz/rig.c tests/fuzz/frames.c
FUZZ_quantum_conn_FLAGS := -Ilib/quantum/src
FUZZ_handshake := quantum crypto_null
FUZZ_handshake_SRCS := tests/fuzz/rig.c tests/fuzz/frames.c
FUZZ_handshake_FLAGS := -Ilib/quantum/src
FUZZ_header   := wire
FUZZ_json_jansson := json
FUZZ_json_jansson_PKGS := jansson
FUZZ_messages := msg
FUZZ_token    := crypto crypto_null
FUZZ_record   := statesync
FUZZ_record_FLAGS := -Ilib/statesync/src
FUZZ_registers := objects json
FUZZ_objects  := objects json
FUZZ_ring     := protect
FUZZ_ring_FLAGS := -Ilib/protect/src
FUZZ_yaml     := dpio
