"""A link with latency: passes octets on after a delay each way, and counts the turns.

    link.py SOCKET-FD PORT MILLISECONDS

accepts on the given listening socket and connects each client to 127.0.0.1:PORT. At SIGTERM it
prints, as JSON, how many connections there were and how often the direction changed from server
to client: each such turn has cost its user a round trip. A connection costs one more, as TCP's
handshake does.
"""

import asyncio
import json
import signal
import socket
import sys

PIECE = 256 << 10  # octets passed on at a time
ON_THE_WAY = 256  # pieces


class Link:
    def __init__(self, port, delay):
        self.port, self.delay = port, delay
        self.connections = self.turns = 0

    async def _pass(self, reader, writer, on_data):
        """One direction: what came in at a moment goes out when the delay has passed."""
        queue = asyncio.Queue(ON_THE_WAY)
        clock = asyncio.get_running_loop()

        async def deliver():
            while True:
                due, octets = await queue.get()
                await asyncio.sleep(max(0, due - clock.time()))
                if not octets:
                    break
                writer.write(octets)
                await writer.drain()
            writer.close()

        delivery = asyncio.create_task(deliver())
        try:
            while octets := await reader.read(PIECE):
                on_data()
                await queue.put((clock.time() + self.delay, octets))
        except ConnectionError:
            pass
        await queue.put((clock.time() + self.delay, b""))
        try:
            await delivery
        except ConnectionError:
            pass

    async def serve(self, reader, writer):
        self.connections += 1
        await asyncio.sleep(2 * self.delay)
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self.port, limit=PIECE)
        client_spoke = False

        def client():
            nonlocal client_spoke
            self.turns += not client_spoke
            client_spoke = True

        def server():
            nonlocal client_spoke
            client_spoke = False

        await asyncio.gather(self._pass(reader, to_server, client), self._pass(from_server, writer, server))


async def main():
    descriptor, port, milliseconds = (int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
    link = Link(port, milliseconds / 1000)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await asyncio.start_server(link.serve, sock=socket.socket(fileno=descriptor), limit=PIECE)
    print("ready", flush=True)
    await ended.wait()
    print(json.dumps({"connections": link.connections, "turns": link.turns}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
