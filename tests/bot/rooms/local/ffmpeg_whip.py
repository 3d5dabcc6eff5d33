"""FFmpeg publishes a film by WHIP, in its own time: `ffmpeg_whip URL TOKEN FILM`; PyAV brings FFmpeg along.

Where FFmpeg is built with GnuTLS, it makes itself a certificate on the curve P-224, which WebRTC does not know: it is
given one on P-256.
"""

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import av
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def certificate(folder: Path) -> dict[str, str]:
    """Make a key and a certificate for it; return FFmpeg's options that name their files."""
    key, name, now = ec.generate_private_key(ec.SECP256R1()), x509.Name([]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    files = {"cert_file": str(folder / "certificate.pem"), "key_file": str(folder / "key.pem")}
    Path(files["cert_file"]).write_bytes(made.public_bytes(serialization.Encoding.PEM))
    kinds = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    Path(files["key_file"]).write_bytes(key.private_bytes(serialization.Encoding.PEM, *kinds))
    return files


def publish(url: str, token: str, film: str) -> None:
    """Send a film of H264 without B-frames once, and leave."""
    with TemporaryDirectory() as folder, av.open(film) as source:
        options = {"authorization": token, **certificate(Path(folder))}
        with av.open(url, "w", format="whip", options=options) as sharing:
            stream = sharing.add_stream_from_template(source.streams.video[0])
            began_s = time.monotonic()
            for packet in source.demux(video=0):
                if packet.pts is not None and packet.time_base is not None:
                    time.sleep(max(0.0, began_s + float(packet.pts * packet.time_base) - time.monotonic()))
                    packet.stream = stream
                    sharing.mux(packet)


if __name__ == "__main__":
    publish(*sys.argv[1:])
