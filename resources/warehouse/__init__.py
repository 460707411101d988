"""The warehouse: PostgreSQL 16 or newer, schema `switchboard`.

`Warehouse` gives transactions, advisory locks and bulk input; `tables` defines what is stored.
Statements live in the `sql` folders of `assets`, read by `statements`.
"""

from resources.warehouse.connection import Warehouse, WarehouseBusyError

__all__ = ["Warehouse", "WarehouseBusyError"]
