/* SPDX-FileCopyrightText: the thingpass authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * An echo responder on libmosquitto: what answering over MQTT costs at least.
 *
 *     echo HOST PORT CA CERT KEY ROOT GROUP SIZE
 *
 * It answers ROOT/<thing>/upload-request with SIZE bytes on ROOT/<thing>/response,
 * QoS 1 both ways: the request's first bytes, which hold its id, and padding.
 */
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT = 28, MOST = 65536 }; /* {"id":"<20 characters>" */

static const char status[] = ",\"status\":\"success\",\"echo\":\"";
static char reply[MOST], filter[256];
static int size;

static void on_connect(struct mosquitto *m, void *unused, int code)
{
	(void)unused;
	if (code != 0 || mosquitto_subscribe(m, NULL, filter, 1) != MOSQ_ERR_SUCCESS)
		exit(1);
}

static void on_subscribe(struct mosquitto *m, void *unused, int id, int n, const int *qos)
{
	(void)m, (void)unused, (void)id, (void)n, (void)qos;
	puts("ready");
	fflush(stdout);
}

static void on_message(struct mosquitto *m, void *unused, const struct mosquitto_message *request)
{
	(void)unused;
	char topic[256];
	const char *verb = strrchr(request->topic, '/');
	if (request->payloadlen < KEPT || verb == NULL)
		return;
	snprintf(topic, sizeof topic, "%.*s/response", (int)(verb - request->topic), request->topic);
	memcpy(reply, request->payload, KEPT);
	mosquitto_publish(m, NULL, topic, size, reply, 1, false);
}

int main(int argc, char **argv)
{
	if (argc != 9 || (size = atoi(argv[8])) < KEPT + 64 || size > MOST) {
		fputs("usage: echo HOST PORT CA CERT KEY ROOT GROUP SIZE\n", stderr);
		return 2;
	}
	snprintf(filter, sizeof filter, "$share/%s/%s/+/upload-request", argv[7], argv[6]);
	memset(reply, 'x', sizeof reply);
	memcpy(reply + KEPT, status, sizeof status - 1);
	memcpy(reply + size - 2, "\"}", 2);
	mosquitto_lib_init();
	struct mosquitto *m = mosquitto_new("bench-c", true, NULL);
	mosquitto_tls_set(m, argv[3], NULL, argv[4], argv[5], NULL);
	mosquitto_int_option(m, MOSQ_OPT_TCP_NODELAY, 1);
	mosquitto_max_inflight_messages_set(m, 0);
	mosquitto_connect_callback_set(m, on_connect);
	mosquitto_subscribe_callback_set(m, on_subscribe);
	mosquitto_message_callback_set(m, on_message);
	if (mosquitto_connect(m, argv[1], atoi(argv[2]), 30) != MOSQ_ERR_SUCCESS)
		return 1;
	return mosquitto_loop_forever(m, -1, 1) != MOSQ_ERR_SUCCESS;
}
