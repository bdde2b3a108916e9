"""KD-DTI: which drug acts on which target, and how.

The layout follows microsoft/BioGPT, examples/RE-DTI. The source is the title and abstract,
lower-cased; the target is `the interaction between {drug} and {target} is {interaction}; ....`
"""

from __future__ import annotations

from biogpt_plugins.engine import Decoding
from biogpt_plugins.tasks.bc5cdr import title_and_abstract
from biogpt_plugins.tasks.clause import Clause
from biogpt_plugins.tasks.ddi import INTERACTION
from biogpt_plugins.tasks.layouts import OFFICIAL_MAX_LENGTH
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.inputs import Paper

_TYPES = (
    "inhibitor, antagonist, agonist, partial agonist, inverse agonist, partial antagonist, "
    "activator, potentiator, inducer, stimulator, suppressor, blocker, blocking, channel blocker, "
    "gating inhibitor, modulator, positive modulator, negative modulator, allosteric modulator, "
    "positive allosteric modulator, negative allosteric modulator, inhibitory allosteric "
    "modulator, binder, binding, ligand, antibody, substrate, cofactor, carrier, transporter, "
    "regulator, downregulator, upregulator, inactivator, neutralizer, disruptor, chelator, "
    "chaperone, cleavage, degradation, intercalation, acetylation, alkylation, "
    "cross-linking/alkylation, adduct, incorporation into and destabilization, inhibition of "
    "synthesis, translocation inhibitor, nucleotide exchange blocker, weak inhibitor, metabolizer, "
    "oxidizer, product of, component of, multitarget, opener, releasing agent, stabilization, "
    "enhancer, breaker, other, other/unknown, unknown"
)
TYPES = tuple(_TYPES.split(", "))
"""DrugBank's terms for how drugs act on targets. Grounded decoding chooses from these."""


KD_DTI = Task.of_relations(
    Clause(
        text=INTERACTION,
        head="drug",
        tail="target",
        types=TYPES,
        closed=False,
        predicates=("biolink:interacts_with",),
    ),
    name="kd_dti",
    metric="kd_dti",
    summary="which drug acts on which target, and how (inhibitor, agonist, ...)",
    input=Paper,
    source=title_and_abstract,
    lowercase=True,
    decoding=Decoding(max_length=OFFICIAL_MAX_LENGTH),
    shots=(
        (
            Paper(
                title="Effects of captopril on blood pressure.",
                abstract="Captopril, which blocks the angiotensin-converting enzyme, lowered the "
                "pressure of all twelve dogs.",
            ),
            "the interaction between captopril and angiotensin-converting enzyme is inhibitor.",
        ),
        (
            Paper(
                title="Salbutamol in preterm labour.",
                abstract="Salbutamol relaxes the uterus through the beta-2 adrenergic receptor.",
            ),
            "the interaction between salbutamol and beta-2 adrenergic receptor is agonist.",
        ),
    ),
)
