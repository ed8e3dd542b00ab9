"With this folder on PYTHONPATH a Python process reaches nothing but the machine it runs on."
import socket

HERE = ("127.", "::1", "localhost")
_connect, _lookup = socket.socket.connect, socket.getaddrinfo


def connect(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(HERE):
        raise OSError(f"the network is switched off in this test: {address}")
    return _connect(self, address)


def getaddrinfo(host, *args, **kwargs):
    if host and not str(host).startswith(HERE): raise socket.gaierror(f"the network is switched off in this test: {host}")
    return _lookup(host, *args, **kwargs)


socket.socket.connect, socket.getaddrinfo = connect, getaddrinfo
