//! Countries by their two letters: PeopleSoft keeps the three of ISO 3166-1.

/// Every code of ISO 3166-1, three letters and two.
const CODES: &str = "AFGAF ALAAX ALBAL DZADZ ASMAS ANDAD AGOAO AIAAI ATAAQ ATGAG ARGAR ARMAM ABWAW AUSAU AUTAT AZEAZ BHSBS \
    BHRBH BGDBD BRBBB BLRBY BELBE BLZBZ BENBJ BMUBM BTNBT BOLBO BESBQ BIHBA BWABW BVTBV BRABR IOTIO BRNBN BGRBG BFABF BDIBI \
    CPVCV KHMKH CMRCM CANCA CYMKY CAFCF TCDTD CHLCL CHNCN CXRCX CCKCC COLCO COMKM COGCG CODCD COKCK CRICR CIVCI HRVHR CUBCU \
    CUWCW CYPCY CZECZ DNKDK DJIDJ DMADM DOMDO ECUEC EGYEG SLVSV GNQGQ ERIER ESTEE SWZSZ ETHET FLKFK FROFO FJIFJ FINFI FRAFR \
    GUFGF PYFPF ATFTF GABGA GMBGM GEOGE DEUDE GHAGH GIBGI GRCGR GRLGL GRDGD GLPGP GUMGU GTMGT GGYGG GINGN GNBGW GUYGY HTIHT \
    HMDHM VATVA HNDHN HKGHK HUNHU ISLIS INDIN IDNID IRNIR IRQIQ IRLIE IMNIM ISRIL ITAIT JAMJM JPNJP JEYJE JORJO KAZKZ KENKE \
    KIRKI PRKKP KORKR KWTKW KGZKG LAOLA LVALV LBNLB LSOLS LBRLR LBYLY LIELI LTULT LUXLU MACMO MDGMG MWIMW MYSMY MDVMV MLIML \
    MLTMT MHLMH MTQMQ MRTMR MUSMU MYTYT MEXMX FSMFM MDAMD MCOMC MNGMN MNEME MSRMS MARMA MOZMZ MMRMM NAMNA NRUNR NPLNP NLDNL \
    NCLNC NZLNZ NICNI NERNE NGANG NIUNU NFKNF MKDMK MNPMP NORNO OMNOM PAKPK PLWPW PSEPS PANPA PNGPG PRYPY PERPE PHLPH PCNPN \
    POLPL PRTPT PRIPR QATQA REURE ROURO RUSRU RWARW BLMBL SHNSH KNAKN LCALC MAFMF SPMPM VCTVC WSMWS SMRSM STPST SAUSA SENSN \
    SRBRS SYCSC SLESL SGPSG SXMSX SVKSK SVNSI SLBSB SOMSO ZAFZA SGSGS SSDSS ESPES LKALK SDNSD SURSR SJMSJ SWESE CHECH SYRSY \
    TWNTW TJKTJ TZATZ THATH TLSTL TGOTG TKLTK TONTO TTOTT TUNTN TURTR TKMTM TCATC TUVTV UGAUG UKRUA AREAE GBRGB USAUS UMIUM \
    URYUY UZBUZ VUTVU VENVE VNMVN VGBVG VIRVI WLFWF ESHEH YEMYE ZMBZM ZWEZW";

/// The two letters of a country; `None` where the text is none.
pub(super) fn alpha2(text: &str) -> Option<&'static str> {
    let text = text.trim().to_uppercase();
    let codes = CODES.split_whitespace().filter_map(|code| code.split_at_checked(3));
    let mut matching = codes.filter(|(three, two)| *three == text || *two == text);
    matching.next().map(|(_, two)| two)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_country_has_two_letters_whichever_way_it_is_spelt() {
        for (given, two) in [
            ("USA", "US"),
            ("usa", "US"),
            ("US", "US"),
            ("PRI", "PR"),
            ("DEU", "DE"),
            ("CAN", "CA"),
        ] {
            assert_eq!(alpha2(given), Some(two), "{given}");
        }
        assert_eq!((alpha2("XXX"), alpha2(""), alpha2("U")), (None, None, None));
        let codes: Vec<&str> = CODES.split_whitespace().collect();
        let two: BTreeSet<&str> = codes.iter().map(|code| code.split_at(3).1).collect();
        let three: BTreeSet<&str> = codes.iter().map(|code| code.split_at(3).0).collect();
        assert_eq!((codes.len(), two.len(), three.len()), (249, 249, 249));
        assert!(codes.iter().all(|code| code.len() == 5));
    }
}
