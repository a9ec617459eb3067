// SPDX-License-Identifier: Apache-2.0
/*
 * ctl_request.c - a request and its answer, and what the answer says
 */
#include "ctl_http.h"
#include "util.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void ctl_answer_free(struct ctl_answer *answer)
{
	free(answer->body);
	answer->body = NULL;
}

/*
 * What was routed has a fault_message. What was not has an error, whose text may
 * hold a bare line feed, which is no JSON: so without those.
 */
int ctl_set_fault(const struct ctl_answer *answer, struct err *err)
{
	static const char *const keys[] = { "fault_message", "error" };
	const char *text = NULL;
	json_t *body;

	for (size_t i = 0; i < answer->len; i++) {
		if (iscntrl((unsigned char)answer->body[i]))
			answer->body[i] = ' ';
	}
	body = json_loadb(answer->body, answer->len, 0, NULL);
	for (size_t i = 0; i < ARRAY_LEN(keys) && text == NULL; i++)
		text = json_string_value(json_object_get(body, keys[i]));
	if (text != NULL)
		err_set(err, EREMOTEIO, "%s", text);
	else
		err_set(err, EREMOTEIO,
			"the server refuses with HTTP status %u and does not "
			"say why",
			answer->status);
	for (char *c = err->text; *c != '\0'; c++) {
		if (iscntrl((unsigned char)*c))
			*c = ' ';
	}
	json_decref(body);
	return -EREMOTEIO;
}

int ctl_request(struct ctl_connection *conn, const char *method,
		const char *target, const char *body, struct ctl_answer *answer,
		struct err *err)
{
	int ret = ctl_send(conn, method, target, body, err);

	if (ret == 0)
		ret = ctl_read_head(conn, &answer->status, err);
	if (ret == 0)
		ret = ctl_read_all(conn, answer, err);
	if (ret == 0 && answer->status != 200 && answer->status != 204) {
		ret = ctl_set_fault(answer, err);
		ctl_answer_free(answer);
	}
	return ret;
}

int ctl_get_json(struct ctl_connection *conn, const char *target, json_t **out,
		 struct err *err)
{
	struct ctl_answer answer;
	json_t *json;
	int ret = ctl_request(conn, "GET", target, NULL, &answer, err);

	if (ret < 0)
		return ret;
	json = json_loadb(answer.body, answer.len, 0, NULL);
	ctl_answer_free(&answer);
	if (!json_is_object(json)) {
		json_decref(json);
		return err_set(err, EPROTO,
			       "socket '%s': the answer to GET %s is no JSON "
			       "object",
			       conn->path, target);
	}
	*out = json;
	return 0;
}
