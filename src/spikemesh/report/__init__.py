"""Results folders, and the page made of one: an HTML file that opens offline."""

from spikemesh.report.columns import MAIN_COLUMNS, shown, study_columns
from spikemesh.report.folder import Results, new_folder, plain, read_folder, write_folder
from spikemesh.report.page import write_report

__all__ = [
    "MAIN_COLUMNS",
    "Results",
    "new_folder",
    "plain",
    "read_folder",
    "shown",
    "study_columns",
    "write_folder",
    "write_report",
]
