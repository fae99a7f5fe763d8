"""``python -m cds_service`` is ``foramen``."""

from cds_service.cli import main

if __name__ == "__main__":
    main(prog_name="foramen")
