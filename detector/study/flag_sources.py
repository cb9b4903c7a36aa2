"""Public sources of the flags: each was read, and says what the flag's advice goes by."""

NHS_TWITCH = (
    "NHS, Twitching eyes and muscles (https://www.nhs.uk/conditions/twitching-eyes-and-muscles/): see a doctor if a "
    "twitch lasts more than 2 weeks, is in more than one place, if the area feels weak, or if a prescribed medicine "
    "might be causing it; do not stop a prescribed medicine without medical advice"
)
MAYO_TWITCH = (
    "Mayo Clinic, Eye twitching, when to see a doctor (https://www.mayoclinic.org/symptoms/eye-twitching/basics/"
    "when-to-see-doctor/sym-20050838): twitching that does not go away within a few weeks, that happens in other parts "
    "of the face as well, drooping eyelids"
)
FAST = (
    "Ashford and St Peter's Hospitals NHS, Recognising a stroke (https://ashfordstpeters.nhs.uk/recognising-a-stroke): "
    "facial weakness, mouth or eye drooped: call at once, even if it does not last"
)
SUDDEN = (
    "Greenwich Hospital, Warning signs (https://www.greenwichhospital.org/services/heart/warning-signs-for-stroke.aspx)"
    ": call at once for sudden numbness or weakness of the face, sudden vision problems, sudden dizziness, sudden "
    "severe headache with no known cause"
)
PASSED = (
    "Stroke Association, What if symptoms pass (https://www.stroke.org.uk/take-action/act-fast/what-if-symptoms-pass): "
    "call even if they pass; if they passed some time ago, see a doctor urgently"
)
FACIAL_WEAKNESS = (
    "MSD Manual, weakness of one side of the face (https://www.msdmanuals.com/en-nz/home/quick-facts-brain,-spinal-cord,"
    "-and-nerve-disorders/cranial-nerve-disorders/bell-palsy): starts within hours and is at its worst within 48 to 72 "
    "hours; trouble closing the eye; see a doctor as soon as possible"
)
HEARING = (
    "Massachusetts Eye and Ear, Sudden deafness (http://www.masseyeandear.org/for-patients/patient-guide/"
    "patient-education/diseases-and-conditions/sudden-deafness/): a true emergency of the ear, treated the earlier the "
    "better"
)
SEVERE = (
    "severity 7 to 10 of 10 is what people call severe (Palos 2006, J Pain 7:49, "
    "https://pubmed.ncbi.nlm.nih.gov/16414555/)"
)
SPREAD = (
    "doi 10.1002/mdc3.12106 (in 178 patients with spasms of one side of the face these spread on that side in 93 %)"
)
LID_BROCHURE = (
    "NANOS patient brochure on twitching lids (https://studyres.com/doc/6590359/): if other muscles of the face twitch "
    "too, other conditions should be considered"
)
SLEEP = (
    "https://pubmed.ncbi.nlm.nih.gov/30902436/ (spasms of one side of the face went on in sleep in 12 of 12 patients)"
)
WORSE = (
    "Trifonova 2019 (https://docslib.org/doc/11336069/): persistent or progressive twitching may need to be examined; "
    "Medscape 1213160 (https://emedicine.medscape.com/article/1213160-treatment): return if there is a change"
)
ASYMMETRY = (
    "https://pubmed.ncbi.nlm.nih.gov/28200081/ (differences between the sides of a face are noticed from 2 mm at the "
    "eyelids and 3 mm at the corners of the mouth)"
)
