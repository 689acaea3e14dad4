SRCS := ack.c acktr.c bbr.c bbr_control.c bbr_model.c bbr_probe_bw.c chan.c cid.c conn.c \
	conn_rx.c conn_timer.c conn_tx.c env.c fec_block.c fill.c flow.c handshake.c pacer.c \
	path.c rate.c recv_buf.c rtt.c rtx.c rtx_detect.c sched.c send_buf.c server.c \
	server_ack.c server_audit.c server_keys.c server_limit.c server_token.c window.c
DEPS := base wire fec crypto
KIND := pure
