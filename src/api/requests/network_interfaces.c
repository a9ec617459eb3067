// SPDX-License-Identifier: Apache-2.0
/*
 * network_interfaces.c - /network-interfaces/{id}: a tap behind vhost-net
 */
#include "api_internal.h"
#include "fd.h"
#include "suboptions.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct net {
	const char *id, *host_dev_name, *mac;
	uint64_t mtu;
	json_t *rx_limiter, *tx_limiter;
};

#define FIELD(member) INTO(net, member)
static const struct body_field put_table[] = {
	{ "iface_id", BODY_TEXT, BODY_REQUIRED, FIELD(id), 0, 0, NULL },
	{ "host_dev_name", BODY_TEXT, BODY_REQUIRED, FIELD(host_dev_name), 0, 0,
	  NULL },
	{ "guest_mac", BODY_TEXT, BODY_NULLABLE, FIELD(mac), 0, 0, NULL },
	{ "mtu", BODY_UINT, BODY_NULLABLE, FIELD(mtu), 68, 65535, NULL },
	{ "rx_rate_limiter", BODY_OBJECT, BODY_NULLABLE, FIELD(rx_limiter), 0,
	  0, NULL },
	{ "tx_rate_limiter", BODY_OBJECT, BODY_NULLABLE, FIELD(tx_limiter), 0,
	  0, NULL },
};

static const struct body_field patch_table[] = {
	{ "iface_id", BODY_TEXT, BODY_REQUIRED, FIELD(id), 0, 0, NULL },
	{ "rx_rate_limiter", BODY_OBJECT, BODY_NULLABLE, FIELD(rx_limiter), 0,
	  0, NULL },
	{ "tx_rate_limiter", BODY_OBJECT, BODY_NULLABLE, FIELD(tx_limiter), 0,
	  0, NULL },
};

static int check(const struct net *net, const struct api_call *call,
		 struct err *err)
{
	int ret;

	if (strcmp(net->id, call->id) != 0)
		return err_set(err, EINVAL,
			       "The id from the path [%s] does not match the "
			       "id from the body [%.64s]!",
			       call->id, net->id);
	ret = body_check_limiter("rx_rate_limiter", net->rx_limiter, err);
	return ret < 0 ? ret
		       : body_check_limiter("tx_rate_limiter", net->tx_limiter,
					    err);
}

/* The one of this id, emptied, or the next one. */
static struct config_net *find_slot(struct vm_config *config, const char *id)
{
	unsigned i = 0;

	while (i < config->net_count && strcmp(config->nets[i].id, id) != 0)
		i++;
	if (i == CONFIG_NETS_MAX)
		return NULL;
	config->net_count = MAX(config->net_count, i + 1);
	return &config->nets[i];
}

static int check_mac(const struct vm_config *config,
		     const struct config_net *net, struct err *err)
{
	for (unsigned i = 0; i < config->net_count; i++) {
		const struct config_net *other = &config->nets[i];

		if (other != net && other->mac.given && net->mac.given &&
		    memcmp(other->mac.addr, net->mac.addr,
			   sizeof(net->mac.addr)) == 0)
			return err_set(err, EINVAL,
				       "The MAC address is already in use by "
				       "interface %s.",
				       other->id);
	}
	return 0;
}

static int fill(struct vm_config *config, const struct net *net, int fd,
		struct err *err)
{
	struct config_net *slot = find_slot(config, net->id);
	int ret = 0;

	if (slot == NULL)
		return err_set(err, ENOSPC, "at most %d interfaces",
			       CONFIG_NETS_MAX);
	*slot = (struct config_net){
		.tap = fd < 0 ? net->host_dev_name : NULL,
		.tap_fd = fd,
		.vhost_fd = -1,
		.mtu = (unsigned)net->mtu,
		.queues = 1,
		.queue_size = CONFIG_QUEUE_SIZE,
	};
	snprintf(slot->id, sizeof(slot->id), "%s", net->id);
	if (net->mac != NULL)
		ret = suboption_mac(net->mac, &slot->mac, err);
	return ret < 0 ? ret : check_mac(config, slot, err);
}

int api_put_net(struct api *api, struct api_call *call, struct err *err)
{
	struct net net = { 0 };
	struct api_state next;
	int fd = -1;
	int ret = api_decode(call, put_table, ARRAY_LEN(put_table), &net, err);

	if (ret == 0)
		ret = check(&net, call, err);
	if (ret == 0)
		ret = api_take_fd(call, net.host_dev_name, &fd, err);
	if (ret < 0)
		return ret;
	api_state_copy(api, &next);
	ret = fill(&next.config, &net, fd, err);
	if (ret == 0)
		ret = api_apply(api, &next, err);
	if (ret < 0)
		fd_close(&fd);
	else
		api_document_put(api, "network-interfaces", "iface_id",
				 api_with_defaults(
					 call->body,
					 json_pack("{sn sn sn sn}", "guest_mac",
						   "mtu", "rx_rate_limiter",
						   "tx_rate_limiter")));
	return ret;
}

int api_patch_net(struct api *api, struct api_call *call, struct err *err)
{
	struct net net = { 0 };
	int ret = api_decode(call, patch_table, ARRAY_LEN(patch_table), &net,
			     err);

	if (ret == 0)
		ret = check(&net, call, err);
	if (ret == 0 && api_document_find(api, "network-interfaces", "iface_id",
					  net.id) == NULL)
		ret = err_set(err, ENOENT,
			      "invalid interface ID - not found: %s", net.id);
	return ret;
}
