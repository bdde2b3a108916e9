"""Names that a dictionary has and that are not looked for in texts, and mentions that are none.

The lists hold names in normal form. They were made by looking at what a dictionary of MeSH's names
finds in the training set of BC5CDR, and are general words: they name no paper's subject. Ids of
names that a model wrote are found whatever stands here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from biogpt_plugins.entities.entries import DictionaryEntry
from biogpt_plugins.values.entities import kind_of_type

_LEAST = 2  # letters and digits
_SHORT = 3  # letters; lower-case words this short are seldom names
_DIVIDING = re.compile(r"[()\[\]{}/]")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _phrases(text: str) -> frozenset[str]:
    return frozenset(" ".join(phrase.split()) for phrase in text.split(","))


ACCIDENTS = _words(
    """
    act aid air all and arch are art as at bad base bid body can cap card care case cast cat
    cell chip coat cold data day dial dim dom dust end fact fad fall fat fit flow food for fox
    gas gel general glass global had has ice imp impact in ink insect iso it lab lead led light
    line links long low man map mark mass may media met mice milk mix mood nail no not oil on
    optimal or out pace pad paint paper pass past peak pet plan plant plus pro ray rest role
    salt sand sea set sex ship six sludge smoke soap sol solid son spring stat stem step stock
    stop sun tag tan tar tea ten test tin tip top toy trace tube two urban vital was water wax
    well who wine wing with wood
    """
)
"""Words that are names by accident."""

_FUNCTION_WORDS = _words(
    """
    a after an and are as at be been but by during for from had has in induced into is may of on
    or that the to was were with
    """
)
"""No name begins with one: "A beta" and few others are lost, and texts are searched faster."""

_ALONE = _words(
    """
    acetate acid alkaloid amine anion base cation chloride complex compound contraceptive diet
    element ester hydrogen ion lipid marble metal mixture nitrogen oil polymer product radical
    salt sulfate toxin vitamin water
    """
)
"""Words that name no substance alone, but others with words before them."""

_ACTIONS = _words(
    """
    adjuvant adrenergic agent agonist alkylator anabolic analgesic androgen anesthetic
    antagonist antiarrhythmic antiasthmatic antibacterial antibiotic anticancer anticholinergic
    anticoagulant anticonvulsant antidepressive antidiabetic antidote antiemetic antiepileptic
    antifungal antihistamine antihypertensive antimalarial antimicrobial antineoplastic
    antioxidant antiparkinsonian antiplatelet antipsychotic antiseptic antithrombotic antitumor
    antitussive antiulcer antiviral anxiolytic aphrodisiac biomarker blocker bronchodilator
    buffer capsule carcinogen catalyst chelator chemical cholinergic cholinomimetic coagulant
    coloring combination contrast convulsant cosmetic crystal cytostatic cytotoxin decongestant
    detergent diluent disinfectant diuretic dopaminergic dosage drug dye electrolyte emollient
    emulsion enzyme excipient expectorant extract factor fertilizer fiber flavoring fluid foam
    fuel gas hallucinogen herbicide hormone hypnotic hypoglycemic immunosuppressant
    immunosuppressive implant indicator inducer inhibitor injection insecticide irritant isomer
    label laxative ligand liniment lotion lubricant marker material medication medicine
    metabolite mitogen modulator muscarinic mutagen narcotic neuroleptic neurotoxin
    neurotransmitter nutrient ointment opiate oxidant particle pesticide pharmaceutical pigment
    pill placebo plasticizer poison pollutant powder preparation preservative pressor prodrug
    protectant psychotropic pyrogen radioisotope radionuclide reagent relaxant sedative
    sensitizer solution solvent stimulant substance substrate supplement suspension
    sympatholytic sympathomimetic tablet tocolytic tracer tranquilizer vaccine vasoconstrictor
    vasodilator vehicle
    """
)
"""What substances do or are made for: the last words of names of classes."""

_PROTEINS = _words(
    """
    abuse actin actinin activator adhesin adrenoceptor albumin amyloid angiotensinogen antibodie
    antibody antigen aprotinin autoantibodie autoantibody calcineurin chain channel chaperone
    chemokine collagen cotransporter cytochrome cytokine dna erythropoietin exchanger ferritin
    fibrin fibrinogen fibronectin gene globulin glycoprotein haptoglobin hemoglobin histone
    immunoglobulin integrin interferon interleukin isoenzyme keratin lectin leptin lipoprotein
    mrna mtdna myosin oncogene peptide polypeptide prl prolactin promoter protein prothrombin
    pump receptor renin rna somatostatin symporter thrombin transaminase transporter trna
    troponin tubulin
    """
)
"""What MeSH's category of chemicals has of large molecules: the last words of their names."""
_CLASSES = _ACTIONS | _PROTEINS
_FAMILIES = ("il", "cyp", "cd", "hla", "ifn", "int", "cyt")
_NUMBERED = re.compile(r"(?:il|cyp|cd|hla|ifn|interleukin|interferon|cytochrome)(?: |\d)")
_NO_ENZYMES = _words("disease release base case phase increase decrease")

_GENERAL = _phrases(
    """
    abnormality, acute disease, adverse drug reaction, adverse effect, attack, birth weight,
    body weight, chronic disease, chronic illness, clinical sign, co infection, coinfection,
    complication, condition, convalescence, critical illness, defect, deformity, disease,
    disease progression, disease susceptibility, disorder, drug interaction, drug reaction,
    emergencie, emergency, facies, finding, genetic disease, genetic predisposition, hereditary
    disease, illness, injury, lesion, neurologic symptom, oral manifestation, overweight,
    pathologic process, pathological process, phenotype, rare disease, recurrence, recurrent
    disease, relapse, remission, rupture, sensitization, side effect, sign and symptom, skin
    manifestation, strain, symptom, syndrome, toxic action, toxic effect, toxicity test, weight,
    wound
    """
)
"""Names of diseases that name none."""


class StopNames:
    """Tells which names are not looked for."""

    def __init__(self) -> None:
        """Remember what types mean."""
        self._kinds: dict[str, str] = {}

    def __call__(self, name: str, entries: Sequence[DictionaryEntry]) -> bool:
        """Whether a name in normal form is not looked for."""
        first, last = name.partition(" ")[0], name.rpartition(" ")[2]
        if first in _FUNCTION_WORDS or len(name) < _LEAST or name.isdecimal():
            return True
        kind = self._kind(entries[0].type)
        if kind == "gene":
            return name in _CLASSES
        if kind not in ("chemical", "disease"):
            return False
        if any(self._kind(entry.type) != kind for entry in entries[1:]):
            return False
        if kind == "disease":
            return name in _GENERAL
        enzyme = last.endswith("ase") and last not in _NO_ENZYMES
        return (
            enzyme
            or last in _CLASSES
            or name in _ALONE
            or (first.startswith(_FAMILIES) and _NUMBERED.match(name) is not None)
        )

    def _kind(self, type_: str) -> str:
        if type_ not in self._kinds:
            self._kinds[type_] = kind_of_type(type_)
        return self._kinds[type_]


def fits(mention: str, entries: Sequence[DictionaryEntry]) -> bool:
    """Whether words of a text are a name.

    Brackets and slashes must be in the name, too. A word of up to three letters, or one that is a
    name by accident, must be written like an acronym, and no acronym in lower case.
    """
    if not mention.isalpha():
        signs = _DIVIDING.findall(mention)
        return not signs or any(all(sign in entry.name for sign in signs) for entry in entries)
    if mention.islower() and all(entry.name.isupper() for entry in entries):
        return False  # "rest" is no REST
    if len(mention) > _SHORT and mention.lower().removesuffix("s") not in ACCIDENTS:
        return True
    return mention[1:] != mention[1:].lower()


_ADJECTIVES = (("sion", "sive"), ("lepsy", "leptic"), ("toxicity", "toxic"), ("mania", "manic"))
_NOUNS = tuple(noun for noun, _ in _ADJECTIVES)


def adjective_of(name: str, entries: Sequence[DictionaryEntry]) -> str:
    """The adjective of a disease's name, "hypertensive" or "epileptic"; "" if there is none."""
    if " " in name or not name.endswith(_NOUNS) or not entries:
        return ""
    if kind_of_type(entries[0].type) != "disease":
        return ""
    return next(name.removesuffix(noun) + a for noun, a in _ADJECTIVES if name.endswith(noun))
