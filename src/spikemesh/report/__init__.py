"""Results folders, and the page made of one: an HTML file that opens offline."""

from spikemesh.report.baseline import Margins, Stored, compare_tables, read_stored
from spikemesh.report.columns import MAIN_COLUMNS, shown, study_columns
from spikemesh.report.folder import Results, folders_written, new_folder, plain, read_folder, write_folder
from spikemesh.report.page import write_report

__all__ = [
    "MAIN_COLUMNS",
    "Margins",
    "Results",
    "Stored",
    "compare_tables",
    "folders_written",
    "new_folder",
    "plain",
    "read_folder",
    "read_stored",
    "shown",
    "study_columns",
    "write_folder",
    "write_report",
]
