"""Audits: what is left of the forgotten data, measured against retraining."""

from graphforget.audit.audit import full_audit, quick_audit
from graphforget.audit.cost import Cost, Meter
from graphforget.audit.ensemble import fit_many
from graphforget.audit.findings import AuditReport
from graphforget.audit.measures import direction_of
from graphforget.audit.recovery import knowledge_recovery
from graphforget.audit.regions import Regions, regions
from graphforget.audit.report import table, write_report
from graphforget.audit.slice import Slice
from graphforget.audit.verdict import Criterion, Verdict

__all__ = [
    "AuditReport",
    "Cost",
    "Criterion",
    "Meter",
    "Regions",
    "Slice",
    "Verdict",
    "direction_of",
    "fit_many",
    "full_audit",
    "knowledge_recovery",
    "quick_audit",
    "regions",
    "table",
    "write_report",
]
