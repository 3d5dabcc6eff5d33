"""`python -m dashboard_protocol.schema`: write the files that are made from the types."""

from dashboard_protocol.schema import files

if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
