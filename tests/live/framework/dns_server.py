# SPDX-License-Identifier: Apache-2.0
"""A DNS server that answers as it is told to. Run it: dns_server.py ZONE.json ELSEWHERE ADDRESS…

ZONE.json: {name: {"A": […], "AAAA": […], "CNAME": name, and how to answer:
  "truncated": over UDP only the header, so that the client asks again over TCP;
  "forged": before the answer one with this address and a wrong number;
  "elsewhere": before the answer one with this address, the number right, from port 53 of
  ELSEWHERE (- for none);
  "pad": so many bytes of other records first}}
"storm.test" stands for every name below it: the digits of the first label make the address.
"""
import ipaddress
import json
import selectors
import socket
import struct
import sys

A, CNAME, TXT, AAAA = 1, 5, 16, 28
ANSWER, TRUNCATED = 0x8180, 0x0200


def encoded(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def decoded(message, at):
    labels = []
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode())
        at += 1 + message[at]
    return ".".join(labels), at + 1


def record(name, kind, data, ttl=60):
    return encoded(name) + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


def query(name, kind=A, number=1):
    return struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0) + encoded(name) + struct.pack(
        "!HH", kind, 1)


class Server:
    def __init__(self, zone, spoofer):
        self.zone = zone
        self.spoofer = spoofer

    def entry(self, name):
        if name.endswith(".storm.test"):
            number = int("".join(filter(str.isdigit, name.split(".")[0])))
            return {"A": [str(ipaddress.ip_address(0x0A000000 + number))]}
        return self.zone.get(name)

    def records(self, name, kind, entry):
        found = [record(name, TXT, bytes([250]) + b"x" * 250)
                 for _ in range(entry.get("pad", 0) // 260)]
        while "CNAME" in entry:
            found.append(record(name, CNAME, encoded(entry["CNAME"])))
            name = entry["CNAME"]
            entry = self.entry(name) or {}
        for text in entry.get({A: "A", AAAA: "AAAA"}.get(kind, ""), []):
            found.append(record(name, kind, ipaddress.ip_address(text).packed))
        return found

    def answers(self, message, over_udp):
        """[(answer, whether it comes from elsewhere)]"""
        number = struct.unpack("!H", message[:2])[0]
        name, end = decoded(message, 12)
        kind = struct.unpack("!H", message[end:end + 2])[0]
        question = message[12:end + 4]
        name = name.lower()
        entry = self.entry(name)

        def made(records, flags=ANSWER, of=number):
            return struct.pack("!HHHHHH", of, flags, 1, len(records), 0,
                               0) + question + b"".join(records)

        if entry is None:
            return [(made([], ANSWER | 3), False)]
        all_answers = []
        if kind == A:
            for key, of, elsewhere in (("forged", number ^ 0x5555, False),
                                       ("elsewhere", number, True)):
                if key in entry:
                    forged = record(name, A, ipaddress.ip_address(entry[key]).packed)
                    all_answers.append((made([forged], of=of), elsewhere))
        if over_udp and entry.get("truncated"):
            return all_answers + [(made([], ANSWER | TRUNCATED), False)]
        return all_answers + [(made(self.records(name, kind, entry)), False)]

    def on_datagram(self, server):
        message, client = server.recvfrom(4096)
        for answer, elsewhere in self.answers(message, True):
            (self.spoofer if elsewhere else server).sendto(answer, client)

    def on_connection(self, server):
        connection, _ = server.accept()
        with connection:
            connection.settimeout(5)
            pending = b""
            try:
                while piece := connection.recv(4096):
                    pending += piece
                    while len(pending) > 2 and len(pending) >= 2 + int.from_bytes(
                            pending[:2], "big"):
                        length = int.from_bytes(pending[:2], "big")
                        for answer, _ in self.answers(pending[2:2 + length], False):
                            connection.sendall(len(answer).to_bytes(2, "big") + answer)
                        pending = pending[2 + length:]
            except OSError:
                pass


def main():
    with open(sys.argv[1], encoding="utf-8") as text:
        zone = json.load(text)
    spoof_from, *addresses = sys.argv[2:]
    spoofer = None
    if spoof_from != "-":
        spoofer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        spoofer.bind((spoof_from, 53))
    server = Server(zone, spoofer)
    sockets = selectors.DefaultSelector()
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        udp = socket.socket(family, socket.SOCK_DGRAM)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        udp.bind((address, 53))
        sockets.register(udp, selectors.EVENT_READ, server.on_datagram)
        tcp = socket.create_server((address, 53), family=family)
        sockets.register(tcp, selectors.EVENT_READ, server.on_connection)
    while True:
        for key, _ in sockets.select():
            key.data(key.fileobj)


if __name__ == "__main__":
    main()
