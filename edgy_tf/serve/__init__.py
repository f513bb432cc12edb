"""The cloud as a server: codes in, text and speech out, over HTTP and WebSocket. Needs the extra ``serve``."""
