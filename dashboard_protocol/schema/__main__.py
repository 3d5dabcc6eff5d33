"""`python -m dashboard_protocol.schema`: write the schema file."""

from dashboard_protocol.schema import SCHEMA_FILE, text

if __name__ == "__main__":
    SCHEMA_FILE.write_text(text(), encoding="utf-8")
