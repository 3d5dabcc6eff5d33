"""All that touches aiortc: peer connection, SDP, ICE, jitter buffer, decoding, patches."""
