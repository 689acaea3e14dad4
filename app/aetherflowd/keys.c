/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * keys.c - token keys of the node, [Q-10.5]: a key-ring folder, or one key in memory for a
 * laboratory; the commands that change them.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <base/err.h>
#include <base/time.h>
#include <client/ticket.h>
#include <protect/mem.h>
#include <protect/reset_key.h>
#include <protect/token.h>

#include "aetherflowd.h"
#include "want.h"

#define SELF_BYTES (2 * NET_IP_TEXT_BYTES + 16) /* of one port */

static const cyaml_schema_field_t keys_fields[] = {
	CYAML_FIELD_STRING_PTR("dir", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct keys_conf,
	                       dir, 1, 4000),
	CYAML_FIELD_UINT("group", CYAML_FLAG_OPTIONAL, struct keys_conf, group),
	CYAML_FIELD_BOOL("ephemeral", CYAML_FLAG_OPTIONAL, struct keys_conf, ephemeral),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t keys_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct keys_conf, keys_fields),
};
const struct aef_config_number keys_numbers[] = {
	AEF_CONFIG_NUMBER(struct keys_conf, group, 1, 0, UINT16_MAX,
	                  "node group whose tokens are accepted"),
	AEF_CONFIG_NUMBER(struct keys_conf, ephemeral, 0, 0, 1,
	                  "a key in memory instead of dir, for a laboratory"),
	{ 0 },
};

static int
keys_validate(struct aef_config *config, void *conf)
{
	const struct keys_conf *k = conf;
	const int rc = aef_config_numbers(config, "keys", conf, keys_numbers);

	if (rc < 0)
		return rc;
	if (k->dir == NULL && !k->ephemeral)
		return aef_config_fail(config, "keys.dir",
		                       "is missing: make a key-ring folder with aetherctl keys "
		                       "init, or set keys.ephemeral: true in a laboratory");
	if (k->dir != NULL && k->ephemeral)
		return aef_config_fail(config, "keys.ephemeral",
		                       "and keys.dir exclude each other; remove one of them");
	return 0;
}

static int
keys_init(struct aef_runtime *rt, const void *conf)
{
	const struct keys_conf *k = conf;
	char error[PROTECT_ERROR_MAX] = "";
	int rc;

	node.token_keys = k;
	if (k->dir != NULL)
		rc = protect_ring_open(k->dir, k->group, &node.ring, error);
	else
		rc = protect_ring_create(k->group, &node.ring);
	if (rc == AEF_ERR_LIMIT && error[0] == '\0')
		return aef_runtime_fail(rt, rc,
		                        "no memory can be locked for keys; raise ulimit -l");
	if (rc < 0)
		return aef_runtime_fail(rt, rc, "%s", error[0] != '\0' ? error : aef_err_text(rc));
	return 0;
}

static void
keys_fini(struct aef_runtime *rt)
{
	(void)rt;
	protect_ring_close(node.ring);
	node.ring = NULL;
}

/*
 * What tells this node from others, restart or not: the addresses and ports it listens at. No
 * prefixes and gateways: they may be put right without a loss.
 */
static int
node_self(struct aef_text *self, struct aef_text *error)
{
	for (uint32_t i = 0; i < node.dpio->nb_ports; i++) {
		char ipv4[NET_IP_TEXT_BYTES] = "", ipv6[NET_IP_TEXT_BYTES] = "";
		struct net_local local;
		const int rc = dpio_port_conf_local(&node.dpio->ports[i], &local, error);

		if (rc < 0)
			return rc;
		if (local.has_ipv4)
			net_ip_format(&local.ipv4, ipv4);
		if (local.has_ipv6)
			net_ip_format(&local.ipv6, ipv6);
		aef_text_printf(self, "%s %s %u %u\n", ipv4, ipv6, local.udp_port, local.vlan_id);
	}
	aef_assert(!self->cut);
	return 0;
}

int
keys_reset_key(uint8_t ret_key[32], struct aef_text *error)
{
	char sentence[PROTECT_ERROR_MAX] = "", buf[DPIO_PORTS_MAX * SELF_BYTES];
	struct aef_text text = aef_text_make(buf, sizeof(buf));
	struct crypto_bytes self = { buf, 0 };
	int rc;

	if (node.token_keys->dir == NULL)
		return protect_random(ret_key, 32);
	rc = node_self(&text, error);
	if (rc < 0)
		return rc;
	self.len = text.len;
	rc = protect_reset_key_read(node.token_keys->dir, &self, ret_key, sentence);
	if (rc < 0)
		aef_text_printf(error, "%s", sentence);
	return rc;
}

/* ---- commands -----------------------------------------------------------------------------------
 */

static int
cmd_show(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	const uint16_t current = protect_ring_current(node.ring);
	char reset[PROTECT_RESET_NAME_CHARS + 1];

	(void)ctx;
	(void)argc;
	(void)argv;
	protect_reset_key_name(node.keys->set.reset_key, reset); /* this thread writes it */
	aef_text_printf(out, "group %u, keys of %s, current epoch %u\n",
	                protect_ring_group(node.ring),
	                node.token_keys->dir != NULL ? node.token_keys->dir : "this process alone",
	                current);
	for (int i = -1; i <= 1; i++) {
		const uint16_t epoch = (uint16_t)(current + i);
		const enum protect_key_state state = protect_ring_state(node.ring, epoch);

		aef_text_printf(out, "epoch %u: %s\n", epoch, protect_key_state_name(state));
	}
	aef_text_printf(out, "reset key %s\n", reset);
	return 0;
}

static int
cmd_reload(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	const uint16_t before = protect_ring_current(node.ring);
	char error[PROTECT_ERROR_MAX] = "";
	struct control_audit_field fields[] = {
		{ .name = "group", .number = protect_ring_group(node.ring) },
		{ .name = "epoch_before", .number = before },
		{ .name = "epoch" },
		{ .name = "result", .text = "done" },
	};
	int rc;

	if (node.token_keys->dir == NULL) {
		aef_text_printf(out, "The keys are ephemeral: there is no folder to read again.\n");
		return AEF_ERR_STATE;
	}
	rc = protect_ring_reload(node.ring, error);
	fields[2].number = protect_ring_current(node.ring);
	if (rc < 0)
		fields[3].text = aef_err_name(rc);
	audit_event_asked("keys_reloaded", fields, AEF_DIM(fields));
	if (rc < 0) {
		aef_text_printf(out, "The keys stay as they were: %s.\n", error);
		return rc;
	}
	return cmd_show(ctx, argc, argv, out);
}

static int
cmd_revoke(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	char error[PROTECT_ERROR_MAX] = "";
	struct control_audit_field fields[] = {
		{ .name = "group", .number = protect_ring_group(node.ring) },
		{ .name = "revoked" },
		{ .name = "epoch" },
		{ .name = "result", .text = "done" },
	};
	uint16_t epoch;
	int rc;

	if (!protect_epoch_parse(argv[0], &epoch)) {
		aef_text_printf(out, "'%s' is no epoch: a number from 0 to 65535.\n", argv[0]);
		return AEF_ERR_INVALID;
	}
	rc = protect_ring_revoke(node.ring, epoch, error);
	fields[1].number = epoch;
	fields[2].number = protect_ring_current(node.ring);
	if (rc < 0)
		fields[3].text = aef_err_name(rc);
	if (rc != AEF_ERR_NOTFOUND)
		audit_event_asked("keys_revoked", fields, AEF_DIM(fields));
	if (rc < 0) {
		aef_text_printf(out, "%s.\n", error[0] != '\0' ? error : aef_err_text(rc));
		return rc;
	}
	return cmd_show(ctx, argc, argv, out);
}

static uint64_t
unix_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail with this clock */
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / AEF_NS_PER_MS;
}

static int
cmd_issue(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	struct token_want want;
	struct protect_grant grant = { .expires_ms = 0 };
	char ticket[CLIENT_TICKET_TEXT_LEN + 1], session[AEF_GUUID_TEXT_LEN + 1];
	const struct control_audit_field fields[] = { { .name = "session", .text = session } };
	int rc;

	(void)ctx;
	if (node.token_keys->dir != NULL) {
		aef_text_printf(out,
		                "Tokens are issued from the key-ring folder: aetherctl token "
		                "--ring %s.\n",
		                node.token_keys->dir);
		return AEF_ERR_STATE;
	}
	token_want_init(&want);
	for (int i = 0; i < argc; i++) {
		rc = token_want_word(&want, argv[i], out);
		if (rc < 0)
			return rc;
	}
	rc = protect_token_issue(node.protect, &want.token, want.life_ms, unix_ms(), &grant);
	if (rc < 0) {
		aef_text_printf(out, "No token: %s.\n", aef_err_text(rc));
		return rc;
	}
	token_grant_ticket(&grant, ticket);
	aef_guuid_format(&grant.session_id, session);
	aef_text_printf(out, "%s\n", ticket);
	crypto_wipe(ticket, sizeof(ticket));
	crypto_wipe(&grant, sizeof(grant));
	audit_event_asked("token_issued", fields, AEF_DIM(fields));
	return 0;
}

static const struct aef_command commands[] = {
	{ "keys show", "", "group, epochs and their state, name of the reset key", cmd_show, 0, 0 },
	{ "keys reload", "", "read the key-ring folder again; all or nothing", cmd_reload, 0, 0 },
	{ "keys revoke", "<epoch>", "refuse its tokens from now on, for ever", cmd_revoke, 1, 1 },
	{ "token issue", TOKEN_WANT_HELP, "a connect token, while keys are ephemeral", cmd_issue, 0,
	  TOKEN_WANT_WORDS_MAX },
	{ 0 },
};

const struct aef_module keys_module = {
	.name = "keys",
	.conf = &keys_schema,
	.commands = commands,
	.validate = keys_validate,
	.init = keys_init,
	.fini = keys_fini,
};
