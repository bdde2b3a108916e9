"""Small files in the true form of published vocabularies."""

import gzip
import lzma
from pathlib import Path

DESCRIPTORS = """\
<?xml version="1.0"?>
<!DOCTYPE DescriptorRecordSet SYSTEM "https://www.nlm.nih.gov/databases/dtd/nlmdescriptorrecordset_20260101.dtd">
<DescriptorRecordSet LanguageCode = "eng">
{records}</DescriptorRecordSet>
"""
DESCRIPTOR = """\
<DescriptorRecord DescriptorClass = "1">
  <DescriptorUI>{id}</DescriptorUI>
  <DescriptorName>
   <String>{name}</String>
  </DescriptorName>
  <DateCreated><Year>1999</Year><Month>01</Month><Day>01</Day></DateCreated>
  <PharmacologicalActionList>
   <PharmacologicalAction>
    <DescriptorReferredTo>
     <DescriptorUI>D018692</DescriptorUI>
     <DescriptorName><String>Antimanic Agents</String></DescriptorName>
    </DescriptorReferredTo>
   </PharmacologicalAction>
  </PharmacologicalActionList>
  <TreeNumberList>
{trees}  </TreeNumberList>
  <ConceptList>
   <Concept PreferredConceptYN="Y">
    <ConceptUI>M0012631</ConceptUI>
    <ConceptName>
     <String>{name}</String>
    </ConceptName>
    <TermList>
     <Term  ConceptPreferredTermYN="Y"  IsPermutedTermYN="N"  LexicalTag="NON"
       RecordPreferredTermYN="Y">
      <TermUI>T024253</TermUI>
      <String>{name}</String>
     </Term>
{terms}    </TermList>
   </Concept>
  </ConceptList>
 </DescriptorRecord>
"""
TERM = """\
     <Term  ConceptPreferredTermYN="N"  IsPermutedTermYN="{permuted}"  LexicalTag="NON"
       RecordPreferredTermYN="N">
      <TermUI>T1</TermUI>
      <String>{name}</String>
     </Term>
"""
SUPPLEMENTS = """\
<?xml version="1.0"?>
<!DOCTYPE SupplementalRecordSet SYSTEM "https://www.nlm.nih.gov/databases/dtd/nlmsupplementalrecordset_20260101.dtd">
<SupplementalRecordSet LanguageCode = "eng">
{records}</SupplementalRecordSet>
"""
SUPPLEMENT = """\
<SupplementalRecord SCRClass = "{class_}">
  <SupplementalRecordUI>{id}</SupplementalRecordUI>
  <SupplementalRecordName>
   <String>{name}</String>
  </SupplementalRecordName>
  <Note>an orally active compound</Note>
  <Frequency>4</Frequency>
  <HeadingMappedToList>
   <HeadingMappedTo>
    <DescriptorReferredTo>
     <DescriptorUI>*{mapped}</DescriptorUI>
     <DescriptorName><String>Heading</String></DescriptorName>
    </DescriptorReferredTo>
   </HeadingMappedTo>
  </HeadingMappedToList>
  <ConceptList>
   <Concept PreferredConceptYN="Y">
    <ConceptUI>M1</ConceptUI>
    <ConceptName><String>{name}</String></ConceptName>
    <TermList>
{terms}    </TermList>
   </Concept>
  </ConceptList>
 </SupplementalRecord>
"""
CTD_COMMENTS = """\
# The Comparative Toxicogenomics Database (CTD) - http://ctdbase.org/
#   Copyright 2012-2026 NC State University. All rights reserved.
#
# Report created: Thu Oct 29 10:21:09 EDT 2026
#
# Fields:
# {columns}
#
"""
CHEMICALS = (
    "ChemicalName\tChemicalID\tCasRN\tPubChemCID\tPubChemSID\tDTXSID\tInChIKey\tDefinition\t"
    "ParentIDs\tTreeNumbers\tParentTreeNumbers\tMESHSynonyms\tCTDCuratedSynonyms"
)
OLD_CHEMICALS = (
    "ChemicalName\tChemicalID\tCasRN\tDefinition\tParentIDs\tTreeNumbers\t"
    "ParentTreeNumbers\tSynonyms"
)
GENE_INFO = (
    "#tax_id\tGeneID\tSymbol\tLocusTag\tSynonyms\tdbXrefs\tchromosome\tmap_location\tdescription\t"
    "type_of_gene\tSymbol_from_nomenclature_authority\tFull_name_from_nomenclature_authority\t"
    "Nomenclature_status\tOther_designations\tModification_date\tFeature_type\n"
)
TP53 = (
    "9606\t7157\tTP53\t-\tBCC7|BMFS5|LFS1|P53|TRP53\tMIM:191170|HGNC:HGNC:11998\t17\t17p13.1\t"
    "tumor protein p53\tprotein-coding\tTP53\ttumor protein p53\tO\t"
    "cellular tumor antigen p53|antigen NY-CO-13\t20261015\t-\n"
)
MOUSE_TRP53 = (
    "10090\t22059\tTrp53\t-\tp44|p53\tMGI:MGI:98834\t11\t11 42.8 cM\t"
    "transformation related protein 53\tprotein-coding\tTrp53\t-\tO\t-\t20261015\t-\n"
)
REGION = (
    "9606\t100\tLOC100\t-\t-\t-\t1\t-\tenhancer region\tbiological-region\t-\t-\t-\t-\t20261015\t"
    "regulatory:enhancer\n"
)
MONDO = """\
format-version: 1.2
data-version: releases/2026-11-04
subsetdef: clingen "ClinGen"
synonymtypedef: ABBREVIATION "abbreviation" EXACT
ontology: mondo

[Term]
id: MONDO:0004975
name: Alzheimer disease
def: "A progressive, neurodegenerative disease." [NCIT:C2866]
subset: clingen {source="MONDO:CLINGEN"}
synonym: "AD" EXACT ABBREVIATION [GARD:0000632]
synonym: "Alzheimer's disease" EXACT [DOID:10652] {source="x"}
synonym: "presenile \\"dementia\\"\\, type 1" EXACT []
synonym: "dementia" BROAD []
synonym: "familial Alzheimer disease" NARROW []
synonym: "Alzheimers dementia" RELATED []
synonym: "old name" EXACT DEPRECATED []
xref: MESH:D000544 {source="MONDO:equivalentTo"}
is_a: MONDO:0001627 ! dementia

[Term]
id: MONDO:0000001
name: obsolete something
is_obsolete: true
replaced_by: MONDO:0000002

[Term]
id: UBERON:0000955
name: brain

[Typedef]
id: part_of
name: part of
"""


def descriptor(id_, name, trees, terms=(), permuted=()):
    every = [(term, "N") for term in terms] + [(term, "Y") for term in permuted]
    return DESCRIPTOR.format(
        id=id_,
        name=name,
        trees="".join(f"   <TreeNumber>{tree}</TreeNumber>\n" for tree in trees),
        terms="".join(TERM.format(name=term, permuted=flag) for term, flag in every),
    )


def supplement(id_, name, class_, mapped, terms=()):
    rows = "".join(TERM.format(name=term, permuted="N") for term in (name, *terms))
    return SUPPLEMENT.format(id=id_, name=name, class_=class_, mapped=mapped, terms=rows)


LITHIUM = descriptor(
    "D008094", "Lithium", ["D01.268.549.400", "D01.552.547.500"], ["Lithium-7"], ["Lithium 7"]
)
SEIZURES = descriptor(
    "D012640",
    "Seizures",
    ["C10.597.742", "C23.888.592.742"],
    ["Seizure", "Convulsions", "Fits &amp; Spells"],
    ["Seizures, Generalized"],
)
COLD = descriptor(
    "D003139", "Common Cold", ["C01.748.561"], ["Cold, Common", "Coryza, Acute", "cold"]
)
COLD_WEATHER = descriptor("D999999", "Cold Syndrome", ["C26.212"], ["cold"])
KINASE = descriptor("D017871", "Calcium-Kinase", ["D08.811.913", "D12.776.476"])
MANIA = descriptor("D001714", "Bipolar Disorder", ["F03.084.500"], ["Manic-Depressive Psychosis"])
MICE = descriptor("D051379", "Mice", ["B01.050.150"])
ALL_DESCRIPTORS = (LITHIUM, SEIZURES, COLD, COLD_WEATHER, KINASE, MANIA, MICE)
ALL_SUPPLEMENTS = (
    supplement("C000002", "bevonium", "1", "D008094", ["Acabel"]),
    supplement("C535575", "Barakat syndrome", "3", "D012640"),
    supplement("C000003", "MLL kinase, human", "1", "D017871"),
    supplement("C000004", "FOLFOX protocol", "2", "D008094"),
)


def mesh_files(folder: Path) -> tuple[Path, Path]:
    """desc2026.xml and supp2026.xml.gz in a folder."""
    desc, supp = folder / "desc2026.xml", folder / "supp2026.xml.gz"
    desc.write_text(DESCRIPTORS.format(records="".join(ALL_DESCRIPTORS)), encoding="utf-8")
    text = SUPPLEMENTS.format(records="".join(ALL_SUPPLEMENTS))
    supp.write_bytes(gzip.compress(text.encode()))
    return desc, supp


def chemicals_file(folder: Path) -> Path:
    """CTD_chemicals.tsv.gz in a folder."""
    path = folder / "CTD_chemicals.tsv.gz"
    rows = (
        "Lithium\tMESH:D008094\t7439-93-2\t\t\t\t\tAn element.\tMESH:D008672\t"
        "D01.268.549.400|D01.552.547.500\tD01.268.549\tLithium-7\tLi metal\n"
        "10074-G5\tMESH:C534883\t\tCID:2836600\t\t\t\t\tMESH:D010069\tD03.383.129/C534883\t"
        "D03.383.129\t\t\n"
    )
    path.write_bytes(gzip.compress((CTD_COMMENTS.format(columns=CHEMICALS) + rows).encode()))
    return path


def mondo_file(folder: Path) -> Path:
    """mondo.obo.xz in a folder."""
    path = folder / "mondo.obo.xz"
    path.write_bytes(lzma.compress(MONDO.encode()))
    return path


def gene_file(folder: Path) -> Path:
    """gene_info.gz in a folder."""
    path = folder / "gene_info.gz"
    path.write_bytes(gzip.compress((GENE_INFO + TP53 + MOUSE_TRP53 + REGION).encode()))
    return path
