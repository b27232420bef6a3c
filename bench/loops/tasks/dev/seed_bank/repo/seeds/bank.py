"""The collection."""

from seeds.lot import Lot

POOR = 0.6


class SeedBank:
    def __init__(self, lots=()):
        self._lots = {}
        for lot in lots:
            self.add(lot)

    def __len__(self):
        return len(self._lots)

    def __getitem__(self, code) -> Lot:
        return self._lots[code]

    def add(self, lot):
        if lot.code in self._lots:
            raise ValueError(f"there is a lot {lot.code} already")
        self._lots[lot.code] = lot

    def withdraw(self, code, grams):
        """Take seeds out of a lot; an empty lot leaves the bank."""
        lot = self._lots[code]
        if grams > lot.grams:
            raise ValueError(f"{code} has only {lot.grams:g} g")
        lot.grams -= grams
        if lot.grams == 0:
            del self._lots[code]

    def by_species(self):
        """Return {species: codes}, both in alphabetical order."""
        codes = {}
        for lot in sorted(self._lots.values(), key=lambda lot: (lot.species, lot.code)):
            codes.setdefault(lot.species, []).append(lot.code)
        return codes

    def poor_lots(self):
        """Return the lots that germinate badly, the worst first."""
        tested = [lot for lot in self._lots.values() if lot.viability is not None]
        poor = [lot for lot in tested if lot.viability < POOR]
        return sorted(poor, key=lambda lot: lot.viability)
