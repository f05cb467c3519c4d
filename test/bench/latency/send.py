"""Sends each frame that comes as a line of hex on standard input out of a device, and prints when, in Unix seconds."""

import socket
import sys
import time

out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind((sys.argv[1], 0))
for line in sys.stdin:
    frame = bytes.fromhex(line.strip())
    sent = time.time()
    out.send(frame)
    print(f"{sent:.6f}", flush=True)
