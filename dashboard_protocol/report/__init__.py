"""After class: what left the bot, as one self-contained HTML file and a CSV file. Class level only."""

from dashboard_protocol.report.files import recorded, report_paths, write_report
from dashboard_protocol.report.page import render_html
from dashboard_protocol.report.tables import render_csv
from dashboard_protocol.view.record import NewestClass, Record

__all__ = ["NewestClass", "Record", "recorded", "render_csv", "render_html", "report_paths", "write_report"]
