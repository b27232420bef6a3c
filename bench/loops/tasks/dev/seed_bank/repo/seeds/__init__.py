from seeds.bank import SeedBank
from seeds.lot import Lot

__all__ = ["Lot", "SeedBank"]
