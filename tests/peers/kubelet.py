"""
kubelet.py - as much of a kubelet as a device plugin talks to

Registration, ListAndWatch, Allocate and GetPreferredAllocation of
k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1, over gRPC on Unix sockets. Messages
are read and written by field number: a message is a dict of field number to the
list of its values, bytes for texts and messages.
"""
import queue
import threading
from concurrent import futures
from pathlib import Path

import grpc

SERVICE = "/v1beta1.DevicePlugin/"


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at


def parse(data):
    fields, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            value, at = varint(data, at)
        fields.setdefault(key >> 3, []).append(value)
    return fields


def number(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def field(key, value):
    if isinstance(value, int):
        return number(key << 3) + number(value)
    value = value.encode() if isinstance(value, str) else value
    return number(key << 3 | 2) + number(len(value)) + value


def texts(fields, key):
    return [value.decode() for value in fields.get(key, [])]


def device(data):
    """ID, health and NUMA node (None: not told) of a device."""
    told = parse(data)
    nodes = [parse(node).get(1, [0])[0] for topology in told.get(3, [])
             for node in parse(topology).get(1, [])]
    return texts(told, 1)[0], texts(told, 2)[0], nodes[0] if nodes else None


class Plugin:
    """A plugin that has registered: resource and what it says of its devices."""

    def __init__(self, folder, endpoint, resource):
        self.resource = resource
        self.channel = grpc.insecure_channel(f"unix:{folder}/{endpoint}")
        self.lists = queue.Queue()
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        listen = self.channel.unary_stream(SERVICE + "ListAndWatch")
        try:
            for told in listen(b""):
                self.lists.put({d[0]: d[1:] for d in map(device, parse(told).get(1, []))})
        except (grpc.RpcError, ValueError):
            pass  # the plugin or the test has ended

    def devices(self, wait_s=10):
        """The next list: device ID to (health, NUMA node)."""
        return self.lists.get(timeout=wait_s)

    def ask(self, method, message):
        return parse(self.channel.unary_unary(SERVICE + method)(message, timeout=20))

    def allocate(self, *ids):
        """Environment and device nodes (path in container, path on host, permissions)."""
        answer = self.ask("Allocate", field(1, b"".join(field(1, name) for name in ids)))
        container = parse(answer[1][0])
        environment = {texts(parse(entry), 1)[0]: texts(parse(entry), 2)[0]
                       for entry in container.get(1, [])}
        nodes = [tuple(texts(parse(n), key)[0] for key in (1, 2, 3)) for n in container.get(3, [])]
        return environment, nodes

    def preferred(self, available, size):
        wish = b"".join(field(1, name) for name in available) + field(3, size)
        answer = self.ask("GetPreferredAllocation", field(1, wish))
        return texts(parse(answer[1][0]), 1)


class Kubelet:
    """Listens on folder/kubelet.sock; plugin(name) waits until that resource is registered."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.socket = self.folder / "kubelet.sock"
        self.registered = queue.Queue()
        self.plugins = {}
        self.server = grpc.server(futures.ThreadPoolExecutor(4))
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(
            "v1beta1.Registration",
            {"Register": grpc.unary_unary_rpc_method_handler(self.register)}),))
        self.server.add_insecure_port(f"unix:{self.socket}")
        self.server.start()

    def register(self, message, context):
        told = parse(message)
        self.registered.put((texts(told, 2)[0], texts(told, 3)[0]))
        return b""

    def plugin(self, resource, wait_s=10):
        while resource not in self.plugins:
            endpoint, name = self.registered.get(timeout=wait_s)
            self.plugins[name] = Plugin(self.folder, endpoint, name)
        return self.plugins[resource]

    def end(self):
        for plugin in self.plugins.values():
            plugin.channel.close()
        self.server.stop(0).wait()
