// SPDX-License-Identifier: Apache-2.0
// veth_pair HERE THERE PID: makes a veth pair, end HERE in this network namespace, end THERE in the
// one of process PID. Exit code 77: this kernel has no veth.
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct request {
    struct nlmsghdr header;
    struct ifinfomsg link;
    char attributes[256];
};

static struct rtattr* add(struct request* request, unsigned short type, const void* data,
                          size_t size) {
    struct rtattr* attribute =
        (struct rtattr*)((char*)request + NLMSG_ALIGN(request->header.nlmsg_len));
    attribute->rta_type = type;
    attribute->rta_len = (unsigned short)RTA_LENGTH(size);
    if (size != 0) memcpy(RTA_DATA(attribute), data, size);
    request->header.nlmsg_len =
        (unsigned)(NLMSG_ALIGN(request->header.nlmsg_len) + RTA_SPACE(size));
    return attribute;
}

static void end(const struct request* request, struct rtattr* nest) {
    nest->rta_len =
        (unsigned short)((const char*)request + request->header.nlmsg_len - (const char*)nest);
}

int main(int argc, char** argv) {
    if (argc != 4) return 2;
    struct request request = {
        .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
                   .nlmsg_type = RTM_NEWLINK,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK}};
    const unsigned pid = (unsigned)atoi(argv[3]);
    add(&request, IFLA_IFNAME, argv[1], strlen(argv[1]) + 1);
    struct rtattr* info = add(&request, IFLA_LINKINFO, NULL, 0);
    add(&request, IFLA_INFO_KIND, "veth", 5);
    struct rtattr* data = add(&request, IFLA_INFO_DATA, NULL, 0);
    const struct ifinfomsg unnamed = {0};
    struct rtattr* peer = add(&request, VETH_INFO_PEER, &unnamed, sizeof unnamed);
    add(&request, IFLA_IFNAME, argv[2], strlen(argv[2]) + 1);
    add(&request, IFLA_NET_NS_PID, &pid, sizeof pid);
    end(&request, peer);
    end(&request, data);
    end(&request, info);

    const int route = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    if (route < 0 || send(route, &request, request.header.nlmsg_len, 0) < 0) {
        perror("veth_pair");
        return 1;
    }
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
        char more[512];
    } answer;
    if (recv(route, &answer, sizeof answer, 0) < (long)NLMSG_LENGTH(sizeof(struct nlmsgerr)) ||
        answer.header.nlmsg_type != NLMSG_ERROR) {
        fprintf(stderr, "veth_pair: no answer from the kernel\n");
        return 1;
    }
    if (answer.error.error != 0) {
        fprintf(stderr, "veth_pair: %s\n", strerror(-answer.error.error));
        return answer.error.error == -EOPNOTSUPP ? 77 : 1;
    }
    return 0;
}
