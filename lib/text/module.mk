SRCS := utf8.c rope.c rope_edit.c op.c op_transform.c op_json.c ot_client.c ot_server.c digest.c
DEPS := base json
KIND := pure
